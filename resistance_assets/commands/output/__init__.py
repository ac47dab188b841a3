"""What commands print: lines for a terminal, the summary at the end of a run, and notes on studies."""
