"""How the stages run: Hydra outside, Lightning inside. Nobody imports this package but the commands."""
