import torch
from hypothesis import given
from hypothesis import strategies as st

from nano.muon import Muon, orthogonalise


@given(st.integers(2, 24), st.integers(2, 24), st.integers(0, 1000))
def test_orthogonalise_moves_singular_values_to_one_and_keeps_directions(rows, columns, seed):
    torch.manual_seed(seed)
    # The matrix is well-conditioned, because five iterations cannot raise tiny singular values.
    u, _, v = torch.linalg.svd(torch.randn(rows, columns), full_matrices=False)
    matrix = u * torch.linspace(1, 2, len(v)) @ v
    result = orthogonalise(matrix)
    values = torch.linalg.svdvals(result)
    assert values.min() > 0.5
    assert values.max() < 1.4
    projected = u.T @ result @ v.T
    assert torch.allclose(projected, torch.diag(projected.diagonal()), atol=1e-3)


def test_muon_minimises_a_quadratic():
    torch.manual_seed(0)
    target, weight = torch.randn(8, 6), torch.nn.Parameter(torch.zeros(8, 6))
    optimizer = Muon([weight], lr=0.05)
    losses = []
    for _ in range(60):
        loss = (weight - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]
