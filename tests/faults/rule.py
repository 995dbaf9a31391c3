"""Marks a function as a rule."""


def rule(function):
    function.is_rule = True
    return function
