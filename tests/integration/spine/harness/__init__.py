"""What the tests of the whole way stand on: real services, the programs, the bus and the cluster as an outsider sees them."""
