"""The page in the browser: click an object, name it, find more of its kind."""
