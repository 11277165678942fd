using Sluice.Node.Doctor.Facts;

namespace Sluice.Node.Doctor;

/// <summary>
/// One thing that may be wrong with a node. A check judges and does not look: all it needs is in the facts, so that it waits for nobody, and tests can
/// make a wrong node of a right one. It must not depend on other checks, nor find what another one finds: of a cause and its consequence only the cause is said.
/// </summary>
internal interface ICheck
{
    /// <summary>Nothing for a healthy node.</summary>
    IEnumerable<Finding> Judge(NodeFacts node);
}
