"""The reader of a history, and the recommender: what reads items, and who reads them."""

from torch import Tensor, nn
from torch.nn import functional as F


class UserBlock(nn.Module):
    """Pre-norm causal self-attention and feed-forward over (users, time, dim)."""

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.norm_attention, self.norm_feed = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.project = nn.Linear(dim, 3 * dim)
        self.join = nn.Linear(dim, dim)
        self.feed = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def forward(self, x: Tensor) -> Tensor:
        users, time, dim = x.shape
        parts = self.project(self.norm_attention(x)).unflatten(
            -1, (3, self.heads, dim // self.heads)
        )
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        dropout = self.dropout if self.training else 0.0
        mixed = F.scaled_dot_product_attention(query, key, value, dropout_p=dropout, is_causal=True)
        mixed = self.join(mixed.transpose(1, 2).reshape(users, time, dim))
        x = x + F.dropout(mixed, self.dropout, self.training)
        return x + F.dropout(self.feed(self.norm_feed(x)), self.dropout, self.training)


class UserEncoder(nn.Module):
    """Item embeddings (users, time, dim), oldest first -> what the user wants next, at each time.

    A causal transformer (SASRec, Kang and McAuley, 2018). Histories are padded at the END: no time
    step ever sees a pad, so none needs a mask.
    """

    def __init__(self, dim: int, history: int, layers: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.positions = nn.Embedding(history, dim)
        nn.init.normal_(self.positions.weight, std=0.02)
        self.norm = nn.LayerNorm(dim)
        self.blocks = nn.ModuleList(UserBlock(dim, heads, dropout) for _ in range(layers))
        self.end = nn.LayerNorm(dim)
        self.dropout = dropout

    def forward(self, embeddings: Tensor) -> Tensor:
        time = embeddings.shape[1]
        x = self.norm(embeddings) + self.positions.weight[:time]
        x = F.dropout(x, self.dropout, self.training)
        for block in self.blocks:
            x = block(x)
        return self.end(x)


class Recommender(nn.Module):
    """The whole trainable part: item encoder and user encoder."""

    def __init__(self, items: nn.Module, users: UserEncoder) -> None:
        super().__init__()
        self.items, self.users = items, users
