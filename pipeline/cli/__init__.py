"""Command line: the `tracejoin` command, one module per command.

In:    arguments, options, the environment, the configuration file.
Out:   text, or one JSON object per line; exit status 0 done, 1 the answer is no or something failed, 2 wrong usage.
Touch: the terminal, files that the user names, and whatever the rooms below touch. It never enters Lambda.
Order: main finds the command; config_keys, config_file and configuration say what is in force; context, options and the modules that end
       in _option or _options serve several; hit_table, waterfall_table, findings_table, line_template, csv_output and json_output format;
       what is printed passes terminal, which cleans it.
"""
