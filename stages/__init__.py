"""What a recipe is made of, one file a stage. Importing this package loads no stage and no library."""
