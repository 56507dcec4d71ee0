"""The shipper: takes the records of feeds to where people watch."""
