//! Kafka record batch v2: views, validation, building, compression with bounded output.
