"""Files of tables in the lake: their content versions, and tables whose rows stand in the files of partitions."""
