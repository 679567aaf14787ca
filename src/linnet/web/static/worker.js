// see install.js
