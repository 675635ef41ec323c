"""What the tests of the reference share."""

import pytest

from tests.reference.ledger import Ledger, market


@pytest.fixture
def ledger() -> Ledger:
    """Baidu with its Kunlunxin, Tencent and Alibaba of China; Nvidia and its A800 of the United States; Huawei."""
    return market()
