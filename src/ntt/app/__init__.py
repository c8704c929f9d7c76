"""Browser app: click objects as references and find objects of the same classes in other images."""
