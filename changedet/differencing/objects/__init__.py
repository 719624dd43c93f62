"""Objects: places that changed, the things they hold, and what explains them away."""
