Feature: what every pipeline keeps to

  Scenario: Sources are read as JSON
    Given I have flowform_source defined
    Then it must contain data
    And it must contain format
    And its value must be json

  Scenario: Dataflows do not run more than twice an hour
    Given I have flowform_dataflow defined
    Then it must contain scheduleParams
    And it must contain interval
    And its value must be greater and equal to 30
