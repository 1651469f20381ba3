"""Measurements of what the programs do, under the waiting of threads that programs have."""

from utils.thread_waiting import spin_briefly

spin_briefly()  # here, before any benchmark imports torch
