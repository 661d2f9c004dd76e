"""The centre of psap112: what it knows and decides. Opens no listening socket."""
