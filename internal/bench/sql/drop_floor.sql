-- What the measurement leaves behind, apart from its tenants.
drop schema if exists sluice_bench cascade
