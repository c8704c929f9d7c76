"""The command that says what a weights file is."""

from ntt.encoders.inspect import main


def test_describes_layout_variant_and_precision(make, export, write, capsys):
    path = write({k: t.half() for k, t in export(make("dinov3_test_swiglu"), "transformers").items()})
    assert main([str(path)]) == 0
    out = capsys.readouterr().out
    assert "dinov3_test_swiglu in transformers's layout" in out
    assert "mostly float16" in out


def test_parameters_are_counted(make, export, write, capsys):
    encoder = make("dinov2_test")
    main([str(write(export(encoder, "timm")))])
    count = sum(parameter.numel() for parameter in encoder.parameters())
    assert f"{count / 1e6:.1f} M parameters" in capsys.readouterr().out


def test_other_files_are_a_line_on_stderr(tmp_path, make, export, write, capsys):
    good, bad = write(export(make("dinov2_test"), "Meta")), tmp_path / "page.html"
    bad.write_text("<html>")
    assert main([str(bad), str(good)]) == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert "holds text" in captured.err
    assert "dinov2_test" in captured.out
    assert main([]) == 2
