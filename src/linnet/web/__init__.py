"""The web app: pages rendered here, which work without JavaScript. The same actions and screens as the API."""
