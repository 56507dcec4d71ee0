"""A store on the service's own disk, for records that arrive while another store is unavailable."""
