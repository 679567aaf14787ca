"""What tests stand on: real servers, a world of people, and the definition that timelines are checked against."""
