"""Tables of tumour growth: measurements of mice in the layouts of laboratories and programs, and the mice."""
