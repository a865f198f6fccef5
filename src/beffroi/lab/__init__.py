"""The lab: a real town on this computer. Debian under systemd-nspawn, real bridges, real gateways, real SSH.

Every segment is a bridge inside the lab's own network namespace; every machine is a systemd-nspawn container in a
namespace of its own; device fleets and the admin workstation are bare namespaces. Nothing is added to the
computer's own network: no address, no route.
"""
