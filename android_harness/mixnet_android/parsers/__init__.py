"""Pure functions from a phone's text to records; they run nothing and never raise on bad text."""

from mixnet_android.parsers.battery import Battery, parse_battery
from mixnet_android.parsers.cpus import (
    Cluster,
    Core,
    common_features,
    parse_clusters,
    parse_cpuinfo,
)
from mixnet_android.parsers.devices import Listed, parse_devices
from mixnet_android.parsers.properties import Product, describe_product, parse_properties
from mixnet_android.parsers.screen import parse_screen_on
from mixnet_android.parsers.storage import Mount, mount_of, parse_free_bytes, parse_mounts
from mixnet_android.parsers.text import clean, file_name
from mixnet_android.parsers.thermal import Sensor, Thermal, parse_headroom, parse_thermal

__all__ = [
    "Battery",
    "Cluster",
    "Core",
    "Listed",
    "Mount",
    "Product",
    "Sensor",
    "Thermal",
    "clean",
    "common_features",
    "describe_product",
    "file_name",
    "mount_of",
    "parse_battery",
    "parse_clusters",
    "parse_cpuinfo",
    "parse_devices",
    "parse_free_bytes",
    "parse_headroom",
    "parse_mounts",
    "parse_properties",
    "parse_screen_on",
    "parse_thermal",
]
