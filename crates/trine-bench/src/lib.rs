//! Load generators that speak the real protocols, behind trine bench.
