"""Commands for analysts: tables as files, the prompt, the notebook and the server. All of them only read."""
