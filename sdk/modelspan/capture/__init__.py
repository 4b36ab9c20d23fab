"""What a call was given and what it returned, as features and outputs: nothing here touches a network or a clock."""
