// A page that works without a connection, see worker.js.
