"""Campaigns: one TOML that names networks, files, devices and settings, and the work it stands for.

``read`` understands the TOML, ``steps`` makes a list of work of it, ``execute`` does what is not
done yet, ``estimate`` says how long that may take. Each result is a file, keyed by its inputs.
"""
