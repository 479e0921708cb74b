"""The networks: architectures as data, graphs, operators, weights, and a numpy oracle.

Nothing here writes model files, runs a mobile runtime or uses a phone.
"""

from mixnet_networks.architecture import architecture_names as network_names
from mixnet_networks.graph import Graph, Node, Tensor
from mixnet_networks.graph.builder import GraphBuilder
from mixnet_networks.network import Network, load_network

__all__ = ["Graph", "GraphBuilder", "Network", "Node", "Tensor", "load_network", "network_names"]
