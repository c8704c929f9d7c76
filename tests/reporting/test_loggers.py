from ntt.reporting.loggers import flatten


def test_flattens_numbers_by_path():
    tree = {"segm": {"AP": 0.5, "APs": None}, "encoder": {"name": "x", "random_weights": True}, "n": 3}
    assert dict(flatten(tree)) == {"segm/AP": 0.5, "encoder/random_weights": 1.0, "n": 3.0}
