"""The pages, one file for each subject: parse, call one service or selector, answer."""
