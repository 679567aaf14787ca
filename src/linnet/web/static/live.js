// What is new while a page is open.
