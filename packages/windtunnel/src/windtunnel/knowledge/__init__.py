"""What is known of the libraries, the hub and the package index, as data: nothing here is looked up at run time."""
