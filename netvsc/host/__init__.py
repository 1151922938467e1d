"""What every process asks of its machine: files replaced in one step, folders watched, logs."""
