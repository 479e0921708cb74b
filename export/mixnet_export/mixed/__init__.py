"""Mixed precision: which layers stay in float32."""
