"""The peer of `fsfm bench step-bf16`: the step of step.py under bfloat16 autocast."""

from step import main

main("step-bf16", "bf16")
