namespace Sluice.Node.Doctor;

/// <summary>How much a finding matters.</summary>
public enum Severity
{
    /// <summary>Nothing is wrong: what this machine can't do, and what happens in its place.</summary>
    Note,

    /// <summary>Works for the moment, or slowly.</summary>
    Warning,

    /// <summary>Something does not work.</summary>
    Error,
}
