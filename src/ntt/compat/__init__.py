"""The integration guide's constructor, YAML files and key names."""

LEGACY_CONFIG = "legacy_config="  # prefix of the override that names a YAML file in the layout of the guide
