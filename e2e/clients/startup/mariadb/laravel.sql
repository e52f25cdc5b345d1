# What illuminate/database 8.83.26+dfsg-2 says to mariadb when it connects, its first statement of its own included: recorded from the server's
# general log. One statement a line; a line that starts with # is another command, or a comment.
use `shop`
# Prepare set names 'utf8mb4' collate 'utf8mb4_unicode_ci'
# Execute set names 'utf8mb4' collate 'utf8mb4_unicode_ci'
# Close stmt
# Prepare set session sql_mode='ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'
# Execute set session sql_mode='ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'
# Close stmt
# Prepare SELECT 1 AS one
# Execute SELECT 1 AS one
# Close stmt
# Prepare SELECT @@sql_mode AS m
# Execute SELECT @@sql_mode AS m
# Close stmt
