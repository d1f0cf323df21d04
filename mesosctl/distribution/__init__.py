"""Where the software comes from that no OS package brings: release tarballs, fetched once and verified always."""
