import pytest
import torch

from dexndm_gym.training.torch_threads import one_torch_thread


@pytest.fixture(autouse=True)
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_one_thread_inside_and_the_users_number_afterwards():
    @one_torch_thread()
    def threads() -> int:
        return torch.get_num_threads()

    assert (threads(), threads()) == (1, 1)
    assert torch.get_num_threads() == 2
    with pytest.raises(ValueError, match="stop"), one_torch_thread():
        raise ValueError("stop")
    assert torch.get_num_threads() == 2
