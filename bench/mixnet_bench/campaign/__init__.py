"""Campaigns: a TOML file that names networks, files, devices and settings, and its steps.

``read`` parses the TOML, ``steps`` lists the steps, ``execute`` does those that are not done,
``estimate`` predicts their duration. Each result is a file, identified by its inputs.
"""
