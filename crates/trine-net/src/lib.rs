//! Accept loops, connection caps, drain and outboxes shared by every edge.
