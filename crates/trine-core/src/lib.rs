//! Pure machines: catalogue, partitions, consumer groups.
