# What mysql2 0.5.3 says to mysql when it connects, its first statement of its own included: recorded from the server's
# general log. One statement a line; a line that starts with # is another command, or a comment.
# Prepare SELECT 1
# Execute SELECT 1
