"""Lines that real runtime clients wrote, compared with what is known of them."""
