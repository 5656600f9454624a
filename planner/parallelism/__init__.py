"""Which bytes live on which GPU: shards, stages and experts."""
