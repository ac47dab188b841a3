"""Dose-response: viability of wells, curves with EC50 and IC50, growth-rate metrics, fold changes, knock-downs."""
