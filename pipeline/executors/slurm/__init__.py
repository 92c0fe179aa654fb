"""Run a plan on a Slurm cluster: all of it is submitted at once, and nothing of ours needs to stay alive.

arrays.py      which job arrays a plan becomes, and which of them waits for which
jobs.py        the options and the script of each job
client.py      the programs of Slurm that are called
submission.py  submit the plan
following.py   wait for the jobs, if asked to
"""
